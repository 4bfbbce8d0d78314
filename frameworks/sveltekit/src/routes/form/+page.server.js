import { fail } from '@sveltejs/kit';

export const load = ({ cookies }) => ({ name: cookies.get('name') ?? null });

export const actions = {
  default: async ({ request, cookies }) => {
    const name = (await request.formData()).get('name');
    if (!name) return fail(400, { missing: true });
    cookies.set('name', String(name), { path: '/form' });
    return { signed: String(name) };
  },
};

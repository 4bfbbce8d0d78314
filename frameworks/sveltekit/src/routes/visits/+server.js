import { json } from '@sveltejs/kit';

export const GET = ({ cookies }) => {
  const visits = Number(cookies.get('visits') ?? 0) + 1;
  cookies.set('visits', String(visits), { path: '/' });
  return json({ visits });
};

import { json } from '@sveltejs/kit';

export const GET = ({ params, url }) =>
  json(
    { message: `Hello, ${params.name}!`, tab: url.searchParams.get('tab') },
    { headers: { 'x-hello': params.name } },
  );

export const POST = async ({ request }) => json({ received: await request.json() }, { status: 201 });

export const GET = ({ params, url }) =>
  Response.json(
    { message: `Hello, ${params.name}!`, tab: url.searchParams.get('tab') },
    { headers: { 'x-hello': params.name } },
  );

export const POST = async ({ request }) => Response.json({ received: await request.json() }, { status: 201 });

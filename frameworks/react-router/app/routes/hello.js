export const loader = ({ params, request }) =>
  Response.json(
    { message: `Hello, ${params.name}!`, tab: new URL(request.url).searchParams.get('tab') },
    { headers: { 'x-hello': params.name } },
  );

export const action = async ({ request }) => Response.json({ received: await request.json() }, { status: 201 });

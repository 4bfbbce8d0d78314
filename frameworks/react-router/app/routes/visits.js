export function loader({ request }) {
  const visits = Number(/(?:^|; )visits=(\d+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? 0) + 1;
  return Response.json({ visits }, { headers: { 'set-cookie': `visits=${visits}; Path=/` } });
}

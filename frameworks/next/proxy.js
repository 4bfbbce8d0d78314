import { NextResponse } from 'next/server';

// Runs before every path below: it may answer, send elsewhere, or add to the request and the answer.
export function proxy(request) {
  const { pathname } = request.nextUrl;
  if (pathname === '/proxy/redirect') return NextResponse.redirect(new URL('/', request.url));
  if (pathname === '/proxy/rewrite') return NextResponse.rewrite(new URL('/posts/first', request.url));
  if (pathname === '/proxy/answer') return Response.json({ from: 'proxy' }, { status: 418 });

  const headers = new Headers(request.headers);
  headers.set('x-from-proxy', 'hello');
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('x-proxied', '1');
  if (!request.cookies.has('visited')) response.cookies.set('visited', 'yes', { path: '/request' });
  return response;
}

export const config = { matcher: ['/proxy/:path*', '/request'] };

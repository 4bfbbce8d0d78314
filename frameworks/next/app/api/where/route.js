// A redirect to an address of this site, made of the one that was asked for.
export function GET(request) {
  return Response.redirect(new URL('/posts/first', request.url));
}

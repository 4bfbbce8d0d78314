/** Streams the request's body back as it arrives. */
export function POST(request) {
  return new Response(request.body, {
    headers: { 'content-type': request.headers.get('content-type') ?? 'application/octet-stream' },
  });
}

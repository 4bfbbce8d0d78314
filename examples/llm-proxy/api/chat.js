/**
 * What most AI backends are: wait for a model, pass its tokens on as they come. Almost no CPU, seconds of waiting: one
 * instance serves hundreds at once. When the client leaves, the call to the model is aborted.
 */
export async function POST(request) {
  const { origin, search } = new URL(request.url);
  const model = process.env.MODEL_URL ?? `${origin}/api/model`;
  const upstream = await fetch(`${model}${search}`, { method: 'POST', signal: request.signal });
  if (!upstream.ok) return new Response(`model: ${upstream.status}\n`, { status: 502 });

  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  const tokens = new TransformStream({
    transform(chunk, controller) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = events.pop();
      for (const event of events) {
        const data = event.slice('data: '.length);
        if (data !== '[DONE]') controller.enqueue(encoder.encode(JSON.parse(data).token));
      }
    },
  });
  return new Response(upstream.body.pipeThrough(tokens), { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}

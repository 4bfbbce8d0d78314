# An ASGI application without a framework: what all of them are underneath. `weir dev examples/asgi`
import asyncio


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["path"] == "/stream":
        return await stream(send)
    body = b"Hello from ASGI\n"
    if scope["method"] == "POST":
        body = await read(receive)
    await start(send)
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def read(receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def start(send):
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def stream(send):
    await start(send)
    for number in range(5):
        await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body"})

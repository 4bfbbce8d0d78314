# A backend of a model: waits, passes tokens on as they come, hundreds at once in one instance. `weir dev examples/python-llm-proxy`
# MODEL_URL is the model's; without, the stand-in below answers.
import asyncio
import json
import os
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/chat")
async def chat(request: Request):
    url, headers = os.environ.get("MODEL_URL"), {}
    if url is None:
        # Names below localhost are known to browsers, not to every system.
        url, headers = str(request.url_for("model").replace(hostname="127.0.0.1")), {"host": request.headers["host"]}
    client: httpx.AsyncClient = request.app.state.client
    query, body = request.query_params, await request.body()
    call = client.build_request("POST", url, params=query, headers=headers, content=body)
    upstream = await client.send(call, stream=True)
    if upstream.is_error:
        await upstream.aclose()
        raise HTTPException(502, f"model: {upstream.status_code}")

    async def tokens():
        # When the client leaves, this is cancelled, and the call to the model with it.
        try:
            async for line in upstream.aiter_lines():
                data = line.removeprefix("data: ")
                if line and data != "[DONE]":
                    yield json.loads(data)["token"]
        finally:
            await upstream.aclose()

    return StreamingResponse(tokens(), media_type="text/plain; charset=utf-8")


WORDS = "weir water flows evenly over a low dam and the river goes on".split()


@app.post("/model")
async def model(tokens: int = 40, firstMs: int = 300, tokenMs: int = 20):
    """A stand-in for a model server: waits like one, then streams tokens like one."""

    async def events():
        await asyncio.sleep(firstMs / 1000)
        for count in range(min(tokens, 10_000)):
            if count > 0:
                await asyncio.sleep(tokenMs / 1000)
            yield f"data: {json.dumps({'token': WORDS[count % len(WORDS)] + ' '})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")

# FastAPI: validated JSON, an answer that streams, and work that goes on after the answer. `weir dev examples/fastapi`
import asyncio
import os

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()
done: list[str] = []


@app.get("/")
async def hello(name: str = "FastAPI"):
    return {"message": f"Hello, {name}!", "pid": os.getpid()}


class Numbers(BaseModel):
    numbers: list[float]


@app.post("/sum")
async def add(body: Numbers):
    return {"sum": sum(body.numbers)}


@app.get("/stream")
async def stream(count: int = 5, delay: float = 0.1):
    async def lines():
        for number in range(count):
            yield f"{number}\n"
            await asyncio.sleep(delay)

    return StreamingResponse(lines(), media_type="text/plain")


async def write_down(message: str):
    await asyncio.sleep(0.2)
    done.append(message)


@app.post("/notes/{message}", status_code=202)
async def note(message: str, tasks: BackgroundTasks):
    # The client has its answer by then; the instance is kept until it is done.
    tasks.add_task(write_down, message)
    return {"accepted": message}


@app.get("/notes")
async def notes():
    return {"done": done}

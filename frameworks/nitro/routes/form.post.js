import { defineEventHandler, readBody, setResponseStatus } from 'h3';

export default defineEventHandler(async (event) => {
  const { name } = await readBody(event);
  setResponseStatus(event, 201);
  return `Signed by ${name}`;
});

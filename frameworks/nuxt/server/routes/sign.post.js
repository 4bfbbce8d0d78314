export default defineEventHandler(async (event) => {
  setCookie(event, 'name', (await readBody(event)).name, { path: '/form' });
  return sendRedirect(event, '/form', 303);
});

import { defineEventHandler, getCookie, setCookie } from 'h3';

export default defineEventHandler((event) => {
  const visits = Number(getCookie(event, 'visits') ?? 0) + 1;
  setCookie(event, 'visits', String(visits), { path: '/', httpOnly: true });
  return { visits };
});

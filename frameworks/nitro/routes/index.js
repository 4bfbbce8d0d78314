import { defineEventHandler, setHeader } from 'h3';

export default defineEventHandler((event) => {
  setHeader(event, 'content-type', 'text/html; charset=utf-8');
  return '<h1>Weir and Nitro</h1><form method="post" action="/form"><input name="name"></form>';
});

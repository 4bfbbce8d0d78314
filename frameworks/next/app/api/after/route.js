import { after } from 'next/server';

export function POST() {
  after(() => console.log('after the answer'));
  return new Response(null, { status: 202 });
}

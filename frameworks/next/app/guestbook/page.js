import { cookies } from 'next/headers';
import { sign } from './sign.js';

export default async function Guestbook() {
  const name = (await cookies()).get('name')?.value;
  return (
    <>
      <h1>Guest book</h1>
      <p id="greeting">{name === undefined ? 'Who are you?' : `Hello, ${name}!`}</p>
      <form action={sign}>
        <input name="name" aria-label="name" required />
        <button>Sign</button>
      </form>
    </>
  );
}

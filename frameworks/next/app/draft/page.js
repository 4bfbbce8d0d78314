import { draftMode } from 'next/headers';

export default async function Draft() {
  const { isEnabled } = await draftMode();
  return <h1 id="draft">{isEnabled ? 'A draft' : 'What is published'}</h1>;
}

import { Form, data } from 'react-router';

export const loader = ({ request }) => ({
  name: /(?:^|; )name=([^;]*)/.exec(request.headers.get('cookie') ?? '')?.[1],
});

export async function action({ request }) {
  const name = String((await request.formData()).get('name'));
  return data({ signed: name }, { headers: { 'set-cookie': `name=${encodeURIComponent(name)}; Path=/form` } });
}

export default function Guestbook({ loaderData, actionData }) {
  return (
    <>
      <h1>Guest book</h1>
      <p>{actionData === undefined ? `Hello, ${loaderData.name ?? 'stranger'}!` : `Signed by ${actionData.signed}`}</p>
      <Form method="post">
        <input name="name" aria-label="name" />
        <button>Sign</button>
      </Form>
    </>
  );
}

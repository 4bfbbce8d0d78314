import { redirect } from 'next/navigation';

export default async function User({ params, searchParams }) {
  const { id } = await params;
  const { tab = 'profile' } = await searchParams;
  if (id === 'me') redirect('/users/7');
  return (
    <h1>
      User {id}, {tab}
    </h1>
  );
}

export const loader = ({ params, request }) => ({
  id: params.id,
  tab: new URL(request.url).searchParams.get('tab') ?? 'profile',
});

export default function User({ loaderData }) {
  return (
    <h1>
      User {loaderData.id}, {loaderData.tab}
    </h1>
  );
}

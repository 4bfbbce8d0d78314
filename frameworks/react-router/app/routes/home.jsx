export const meta = () => [{ title: 'Weir and React Router' }];

export default function Home() {
  return <h1>Weir and React Router</h1>;
}

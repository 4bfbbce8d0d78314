export default function Home() {
  return (
    <>
      <h1>Weir and Next.js</h1>
      <p>This page is static: it was made by the build.</p>
    </>
  );
}

export const revalidate = 2;

export default function Timed() {
  return (
    <>
      <h1>Kept for two seconds</h1>
      <p>
        Made at <time>{new Date().toISOString()}</time>
      </p>
    </>
  );
}

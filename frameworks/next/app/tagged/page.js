import { unstable_cache } from 'next/cache';

// Kept until /api/revalidate?tag=news says that it is out of date.
const news = unstable_cache(async () => new Date().toISOString(), ['news'], { tags: ['news'] });

export default async function Tagged() {
  return (
    <>
      <h1>Kept until told</h1>
      <p>
        Read at <time>{await news()}</time>
      </p>
    </>
  );
}

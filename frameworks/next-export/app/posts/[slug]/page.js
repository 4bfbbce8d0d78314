const posts = { first: 'The first post', second: 'The second post' };

export const dynamicParams = false;

export const generateStaticParams = () => Object.keys(posts).map((slug) => ({ slug }));

export default async function Post({ params }) {
  return <h1>{posts[(await params).slug]}</h1>;
}

import { notFound } from 'next/navigation';

const posts = {
  first: 'The first post',
  second: 'The second post',
  third: 'The third post, made when it is asked for',
};

export const generateStaticParams = () => [{ slug: 'first' }, { slug: 'second' }];

export default async function Post({ params }) {
  const title = posts[(await params).slug];
  if (title === undefined) notFound();
  return <h1>{title}</h1>;
}

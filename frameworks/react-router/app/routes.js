import { index, route } from '@react-router/dev/routes';

export default [
  index('routes/home.jsx'),
  route('stream', 'routes/stream.jsx'),
  route('users/:id', 'routes/user.jsx'),
  route('form', 'routes/form.jsx'),
  route('old', 'routes/old.js'),
  route('visits', 'routes/visits.js'),
  route('api/hello/:name', 'routes/hello.js'),
  route('words', 'routes/words.js'),
];

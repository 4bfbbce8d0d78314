/** @type {import('next').NextConfig} */
const config = {
  poweredByHeader: false,
  redirects: async () => [
    { source: '/old', destination: '/', permanent: true },
    { source: '/old/:slug', destination: '/posts/:slug', permanent: false },
  ],
  rewrites: async () => [
    { source: '/writing/:slug', destination: '/posts/:slug' },
    {
      source: '/secret',
      has: [{ type: 'query', key: 'key', value: 'open' }],
      destination: '/request',
    },
  ],
  headers: async () => [{ source: '/posts/:path*', headers: [{ key: 'x-section', value: 'posts' }] }],
};

export default config;

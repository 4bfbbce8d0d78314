/** @type {import('next').NextConfig} */
const config = { poweredByHeader: false, cacheComponents: true };

export default config;

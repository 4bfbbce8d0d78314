export default defineEventHandler((event) => ({
  message: `Hello, ${getRouterParam(event, 'name')}!`,
  tab: getQuery(event).tab ?? null,
}));

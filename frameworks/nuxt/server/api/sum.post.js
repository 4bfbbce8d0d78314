export default defineEventHandler(async (event) => {
  const { numbers } = await readBody(event);
  if (!Array.isArray(numbers)) throw createError({ statusCode: 400, message: 'numbers are expected' });
  return { sum: numbers.reduce((sum, number) => sum + number, 0) };
});

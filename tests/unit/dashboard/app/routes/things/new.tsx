export default async function New() {
  await Promise.resolve();
  return <p>new thing</p>;
}

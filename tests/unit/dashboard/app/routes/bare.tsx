export const config = { skipInheritedLayouts: true };
export default function Bare() {
  return <p>bare</p>;
}

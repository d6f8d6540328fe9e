import { useSignal } from "@preact/signals";
import Counter, { Pair } from "../islands/Counter.tsx";

export default function Live() {
  const count = useSignal(7);
  return (
    <>
      <Counter count={count} label="</script><script>alert(1)</script>" />
      <Pair count={count} />
    </>
  );
}

import { type Signal, useSignal } from "@preact/signals";

export default function Counter({ count, label }: { count: Signal<number>; label: string }) {
  const own = useSignal(1);
  return <button type="button">{label} {count.value} {own.value}</button>;
}

export function Pair({ count }: { count: Signal<number> }) {
  return (
    <div>
      <Counter count={count} label="inner" />
    </div>
  );
}

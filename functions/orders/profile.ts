/** What the simulated order service is like: its load varies most, in the day and by bursts. @module */
import type { Profile } from "shared/simulation/profile.ts";

const orders: Profile = {
  name: "orders",
  day: {
    mean: 0.43,
    waves: [
      { per_day: 1, amplitude: 0.2, peak_hour: 16 },
      { per_day: 2, amplitude: 0.12, peak_hour: 8 },
      { per_day: 3, amplitude: 0.05, peak_hour: 4 },
    ],
    burst: 0.16,
  },
  request_rate: { quiet: 25, busy: 180 },
  latency: { p50: 45, p95: 155, p99: 480, utilisation: 0.5 },
  error_rate: { quiet: 2.2, busy: 4.2 },
  cpu: { quiet: 30, busy: 65 },
  memory: { quiet: 45, busy: 62 },
  measures: [
    { type: "orders_per_minute", unit: "1/min", quiet: 20, busy: 340 },
    { type: "order_value_mean", unit: "EUR", quiet: 38, busy: 64 },
    { type: "abandoned_carts_percent", unit: "percent", quiet: 18, busy: 26, trouble: 60 },
    { type: "fulfilment_queue_depth", unit: "1", quiet: 5, busy: 120, trouble: 900 },
  ],
  lines: {
    debug: [
      { caller: "cart.ts:38", message: "Cart {cart_id} priced with {items} items" },
      { caller: "stock.ts:52", message: "Stock of {sku} read from {warehouse}" },
      { caller: "repository.ts:77", message: "Order {order_id} saved in {duration_ms} ms" },
    ],
    info: [
      { caller: "checkout.ts:64", message: "Order {order_id} placed: {items} items, {amount} EUR" },
      { caller: "fulfilment.ts:41", message: "Order {order_id} handed to {warehouse}" },
      { caller: "cart.ts:90", message: "Cart {cart_id} checked out in {duration_ms} ms" },
    ],
    warn: [
      { caller: "stock.ts:71", message: "Only {items} of {sku} left in {warehouse}" },
      { caller: "checkout.ts:83", message: "Checkout of {cart_id} is tried again" },
    ],
    error: [
      { caller: "stock.ts:88", message: "Cannot reserve {sku} for {order_id}: sold out" },
      { caller: "checkout.ts:97", message: "Payment for {order_id} was refused" },
      { caller: "address.ts:33", message: "Address of {order_id} cannot be delivered to" },
    ],
  },
  causes: {
    latency_spike: [
      { caller: "repository.ts:95", message: "Lock on {sku} waited for {duration_ms} ms" },
      { caller: "tax.ts:27", message: "Tax service took {duration_ms} ms for {order_id}" },
    ],
    error_burst: [
      { caller: "pricing.ts:58", message: "No price for {sku} in the new price list" },
      { caller: "repository.ts:112", message: "Deadlock while saving {order_id}" },
    ],
    memory_leak: [{ caller: "cart.ts:121", message: "Cannot load cart {cart_id}: heap is full" }],
    outage: [
      { caller: "repository.ts:24", message: "Order database {database} takes no connections" },
    ],
    flapping: [{ caller: "stock.ts:19", message: "Stock service of {warehouse} reset the stream" }],
  },
  words: {
    order_id: ["ord-######"],
    cart_id: ["cart-#####"],
    sku: ["sku-####"],
    items: ["1", "2", "3", "5", "8"],
    amount: ["1#.90", "4#.50", "12#.00"],
    warehouse: ["berlin", "lyon", "porto"],
    database: ["orders-1", "orders-2"],
  },
};

export default orders;

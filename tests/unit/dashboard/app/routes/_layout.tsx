import { createDefine } from "fresh";
export default createDefine<object>().layout(({ Component }) => (
  <main data-layout="root">
    <Component />
  </main>
));

import { createDefine } from "fresh";
export default createDefine<object>().layout(({ Component }) => (
  <div data-layout="quiet">
    <Component />
  </div>
));

import { createDefine } from "fresh";
export default createDefine<object>().layout(({ Component }) => (
  <html>
    <head>
      <meta charset="utf-8" />
    </head>
    <body>
      <Component />
    </body>
  </html>
));

// The picture that is the input beside the outputs of operators.
// Interface: mountPictures(container, {api, operators, picture, current}) gives {update(options), destroy()}, where
// picture is {name, width, height, channels, pixels} (interleaved channels) and current is {operator, fields: [[name,
// value]]}. api.pool(operator, fields by name, tensor) gives a tensor {dtype, shape, data}; see api.js, sources.js.

import { element } from "./dom.js";
import { imageOfTensor, tensorOfPicture } from "./sources.js";

export function mountPictures(container, options) {
  function update({ picture }) {
    const image = imageOfTensor(tensorOfPicture(picture, false));
    const canvas = element("canvas", { width: image.width, height: image.height, role: "img", "aria-label": "the input" });
    canvas.getContext("2d").putImageData(image, 0, 0);
    container.replaceChildren(canvas);
  }
  update(options);
  return { update, destroy: () => container.replaceChildren() };
}

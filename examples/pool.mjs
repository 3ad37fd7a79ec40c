// Calls poolhouse from Node 20 or newer, with nothing installed: float32 elements out and back as raw bytes.
// A typed array has the machine's byte order, which is little-endian almost everywhere.

const fields = new URLSearchParams({ kernel_size: 2, shape: "1,1,4,4", dtype: "float32" });
const elements = Float32Array.from({ length: 16 }, (_, i) => i + 1);

const answer = await fetch(`http://localhost:8000/v1/pool/avg_pool2d?${fields}`, {
  method: "POST",
  headers: { "Content-Type": "application/octet-stream" },
  body: elements,
});
if (!answer.ok) throw new Error((await answer.json()).detail);

const [output] = JSON.parse(answer.headers.get("Tensor-Metadata"));
console.log(output.shape, new Float32Array(await answer.arrayBuffer()));

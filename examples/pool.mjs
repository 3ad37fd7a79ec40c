// Calls poolhouse from Node 20 or newer, without dependencies: float32 elements as raw bytes in both directions.
// A typed array has the byte order of the machine, which must be little-endian.

const fields = new URLSearchParams({ kernel_size: 2, shape: "1,1,4,4", dtype: "float32" });
const elements = Float32Array.from({ length: 16 }, (_, i) => i + 1);

const response = await fetch(`http://localhost:8000/v1/pool/avg_pool2d?${fields}`, {
  method: "POST",
  headers: { "Content-Type": "application/octet-stream" },
  body: elements,
});
if (!response.ok) throw new Error((await response.json()).detail);

const [output] = JSON.parse(response.headers.get("Tensor-Metadata"));
console.log(output.shape, new Float32Array(await response.arrayBuffer()));

// Calls a live service with the generated Go client: nested JSON, base64 in both directions, and a refusal.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"

	poolhouse "example.org/poolhouse/client"
)

func must(ok bool, what any) {
	if !ok {
		fmt.Fprintln(os.Stderr, "go:", what)
		os.Exit(1)
	}
}

func main() {
	configuration := poolhouse.NewConfiguration()
	configuration.Servers = poolhouse.ServerConfigurations{{URL: os.Args[1]}}
	api := poolhouse.NewAPIClient(configuration).MaxPoolAPI
	ctx := context.Background()

	var written bytes.Buffer
	for element := 1; element <= 16; element++ {
		must(binary.Write(&written, binary.LittleEndian, float32(element)) == nil, "writing")
	}
	input := poolhouse.NewTensor2dAnyOf1(base64.StdEncoding.EncodeToString(written.Bytes()), []int32{1, 1, 4, 4})
	two, nine := int32(2), int32(9)

	request := poolhouse.NewMaxPool2dRequest(poolhouse.Tensor2d{Tensor2dAnyOf1: input}, poolhouse.KernelSize2d{Int32: &two})
	request.SetEncoding(poolhouse.ENCODING_BASE64)
	request.SetReturnIndices(true)
	result, _, err := api.MaxPool2d(ctx).MaxPool2dRequest(*request).Execute()
	must(err == nil, err)
	output, err := base64.StdEncoding.DecodeString(result.Output.ResponseTensor2dOneOf1.Base64)
	must(err == nil, err)
	pooled := make([]float32, 4)
	must(binary.Read(bytes.NewReader(output), binary.LittleEndian, pooled) == nil, "reading")
	must(reflect.DeepEqual(pooled, []float32{6, 8, 14, 16}), pooled)
	must(reflect.DeepEqual(result.Indices.ResponseTensor2dOneOf1.Shape, []int32{1, 1, 2, 2}), result.Indices)

	request.KernelSize = poolhouse.KernelSize2d{Int32: &nine}
	_, response, err := api.MaxPool2d(ctx).MaxPool2dRequest(*request).Execute()
	must(err != nil && response.StatusCode == 422, response)
	problem, typed := err.(*poolhouse.GenericOpenAPIError).Model().(poolhouse.UnprocessableProblem)
	must(typed && problem.Code == "window_does_not_fit", err)
	fmt.Println("go: base64, indices and refusal are correct")
}

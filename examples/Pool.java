// Calls poolhouse from Java 17 or newer, without dependencies: java examples/Pool.java

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

public class Pool {
    public static void main(String[] args) throws Exception {
        ByteBuffer elements = ByteBuffer.allocate(16 * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 1; i <= 16; i++) elements.putFloat(i);

        var request = HttpRequest.newBuilder(
                        URI.create("http://localhost:8000/v1/pool/max_pool2d?kernel_size=2&shape=1,1,4,4&dtype=float32"))
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofByteArray(elements.array()))
                .build();
        var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
        if (response.statusCode() != 200) throw new IllegalStateException(new String(response.body()));

        ByteBuffer pooled = ByteBuffer.wrap(response.body()).order(ByteOrder.LITTLE_ENDIAN);
        while (pooled.hasRemaining()) System.out.println(pooled.getFloat());
    }
}

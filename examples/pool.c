/* Max pooling from C over a socket, without dependencies: raw elements in both directions.
 * cc -o pool examples/pool.c && ./pool localhost:8000 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_connection(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *each;
  int connection = -1;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  for (each = found; each != NULL && connection < 0; each = each->ai_next) {
    connection = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
    if (connection >= 0 && connect(connection, each->ai_addr, each->ai_addrlen) != 0) {
      close(connection);
      connection = -1;
    }
  }
  freeaddrinfo(found);
  return connection;
}

int main(int count, char **arguments) {
  float input[16], output[4];
  char head[512], response[4096];
  size_t received = 0;
  ssize_t read_now;
  char *host = count == 2 ? strtok(arguments[1], ":") : NULL, *port = host == NULL ? NULL : strtok(NULL, ":");
  int connection = port == NULL ? -1 : open_connection(host, port);
  if (connection < 0) return fprintf(stderr, "usage: %s HOST:PORT, the address of a running service\n", arguments[0]), 1;
  for (int i = 0; i < 16; i++) input[i] = (float)(i + 1);

  int length = snprintf(head, sizeof head,
                        "POST /v1/pool/max_pool2d?shape=1,1,4,4&dtype=float32&kernel_size=2 HTTP/1.1\r\nHost: %s\r\n"
                        "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                        host, sizeof input);
  if (write(connection, head, (size_t)length) != length || write(connection, input, sizeof input) != sizeof input)
    return perror("write"), 1;
  while (received < sizeof response - 1 &&
         (read_now = read(connection, response + received, sizeof response - 1 - received)) > 0)
    received += (size_t)read_now;
  close(connection);
  response[received] = '\0';

  char *body = strstr(response, "\r\n\r\n");
  if (strncmp(response, "HTTP/1.1 200", 12) != 0 || body == NULL || response + received - (body + 4) != sizeof output)
    return fprintf(stderr, "%s\n", response), 1;
  memcpy(output, body + 4, sizeof output); /* assumes a little-endian machine */
  printf("%g %g %g %g\n", output[0], output[1], output[2], output[3]);
  return 0;
}

"""Graphs: messages along edges, and a vector for each graph of a batch, by two calls of segment_pool.

A node takes the mean of its neighbours: the rows are edges, and the segment of an edge is the node that it ends at.
Then the nodes of each graph are pooled: the rows are nodes, and the segment of a node is its graph.
"""

import numpy as np

import poolhouse

# Two graphs in one batch: a path of three nodes, and a triangle with a lonely fourth node.
edges = np.array([(0, 1), (1, 2), (3, 4), (4, 5), (5, 3)])
both_ways = np.concatenate((edges, edges[:, ::-1]))
graph_of_node = np.array([0, 0, 0, 1, 1, 1, 1])
features = np.arange(14, dtype=np.float32).reshape(7, 2)

with poolhouse.Client("http://localhost:8000") as client:
    messages = features[both_ways[:, 0]]
    neighbours = client.segment_pool(
        messages, segments=both_ways[:, 1], num_segments=len(features), reduce="mean"
    ).output
    graphs = client.segment_pool(features + neighbours, segments=graph_of_node, reduce="max", return_indices=True)

print("neighbours:", neighbours.tolist())
print("graphs:", graphs.output.tolist())
print("by the nodes:", graphs.indices.tolist())

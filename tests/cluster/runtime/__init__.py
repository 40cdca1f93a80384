"""The Kubernetes runtime under the real reconciler: real Jobs and pods, of a stand-in for the worker that ends as its revision says."""

"""Small real models on a CPU behind the same HTTP interfaces as vLLM and vllm-omni."""

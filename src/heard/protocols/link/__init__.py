"""Link (External Orders 2.0): its bytes and our words, both sides. Paths and bodies are our reading."""

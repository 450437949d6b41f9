using Xunit;

// Each incident has a namespace of its own and mostly waits.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

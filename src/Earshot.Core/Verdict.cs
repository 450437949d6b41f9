namespace Earshot.Core;

/// <summary>A judgement on a segment or a call: which rule spoke, and the numbers it saw.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="A">The rule's first number; what it is stands in the rule's sentence.</param>
/// <param name="B">The rule's second number.</param>
/// <param name="C">The rule's third number.</param>
public readonly record struct Verdict(RuleId Rule, uint A = 0, uint B = 0, uint C = 0);

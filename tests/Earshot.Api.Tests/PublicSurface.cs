using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Earshot.Api.Tests;

/// <summary>What a library shows to its users: a type or member a line, whatever the order in the source.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared = BindingFlags.DeclaredOnly
        | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>The lines for every exported type of the library.</summary>
    public static IReadOnlyList<string> Of(Assembly library) =>
        [.. library.GetExportedTypes().OrderBy(type => TypeNames.Of(type), StringComparer.Ordinal).SelectMany(OfType)];

    /// <summary>The lines for one type: the type itself, then its members in ordinal order, indented.</summary>
    public static IEnumerable<string> OfType(Type type)
    {
        yield return TypeLine(type);
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            yield break;
        }

        foreach (string member in Members(type).Order(StringComparer.Ordinal))
        {
            yield return $"    {member}";
        }
    }

    private static string TypeLine(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type) && type.GetMethod("Invoke") is { } invoke)
        {
            return $"delegate {ReturnOf(invoke)} {TypeNames.Of(type)}({Parameters(invoke)})";
        }

        if (type.IsEnum)
        {
            return $"enum {TypeNames.Of(type)} : {TypeNames.Of(Enum.GetUnderlyingType(type))}";
        }

        string kind = type.IsInterface ? "interface" : type.IsValueType ? StructKind(type) : ClassKind(type);
        var inherited = type.GetInterfaces().SelectMany(i => i.GetInterfaces())
            .Concat(type.BaseType?.GetInterfaces() ?? []).ToHashSet();
        var bases = type.GetInterfaces().Where(i => i.IsVisible && !inherited.Contains(i)).Select(i => TypeNames.Of(i))
            .Order(StringComparer.Ordinal).ToList();
        if (type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType))
        {
            bases.Insert(0, TypeNames.Of(b));
        }

        return $"{kind} {TypeNames.Of(type)}{(bases.Count > 0 ? $" : {string.Join(", ", bases)}" : "")}";
    }

    private static string StructKind(Type type) =>
        (type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "") + (type.IsByRefLike ? "ref struct" : "struct");

    private static string ClassKind(Type type) =>
        type.IsAbstract && type.IsSealed ? "static class"
            : type.IsAbstract ? "abstract class"
            : type.IsSealed ? "sealed class"
            : "class";

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Select(field => FormattableString.Invariant($"{field.Name} = {field.GetRawConstantValue()}"));
        }

        var fields = type.GetFields(Declared).Where(f => IsShown(f.IsPublic, f.IsFamily || f.IsFamilyOrAssembly, type))
            .Select(FieldLine);
        var constructors = type.GetConstructors(Declared).Where(c => IsShown(c, type) && !c.IsStatic)
            .Select(c => $"{Access(c)}{type.Name.Split('`')[0]}({Parameters(c)})");
        var properties = type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(a => IsShown(a, type)))
            .Select(p => PropertyLine(p, type));
        var events = type.GetEvents(Declared).Where(e => e.AddMethod is { } add && IsShown(add, type))
            .Select(e => $"event {TypeNames.Of(e.EventHandlerType ?? typeof(Delegate))} {e.Name}");
        var methods = type.GetMethods(Declared)
            .Where(m => IsShown(m, type) && !IsAccessor(m) && !m.IsDefined(typeof(CompilerGeneratedAttribute)))
            .Select(MethodLine);
        return fields.Concat(constructors).Concat(properties).Concat(events).Concat(methods);
    }

    private static bool IsShown(MethodBase method, Type type) =>
        IsShown(method.IsPublic, method.IsFamily || method.IsFamilyOrAssembly, type);

    // What only a derived class sees is shown when there can be one.
    private static bool IsShown(bool isPublic, bool isProtected, Type type) =>
        isPublic || (isProtected && !type.IsSealed);

    private static bool IsAccessor(MethodInfo method) =>
        method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Modifiers(MethodInfo method)
    {
        if (method.IsStatic)
        {
            return Access(method) + "static ";
        }

        bool overrides = method.GetBaseDefinition() != method;
        bool isOpen = method is { IsVirtual: true, IsFinal: false }
            && method.DeclaringType is { IsInterface: false, IsSealed: false };
        return Access(method)
            + (overrides ? "override " : isOpen ? method.IsAbstract ? "abstract " : "virtual " : "")
            + (method.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "");
    }

    private static string FieldLine(FieldInfo field)
    {
        string type = TypeNames.Of(field.FieldType, Nullability.Create(field));
        return field.IsLiteral
            ? $"const {type} {field.Name} = {TypeNames.Value(field.GetRawConstantValue())}"
            : $"{(field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}{type} {field.Name}";
    }

    private static string PropertyLine(PropertyInfo property, Type type)
    {
        MethodInfo first = property.GetAccessors(true).First(a => IsShown(a, type));
        var accessors = property.GetAccessors(true).Where(a => IsShown(a, type))
            .Select(a => (a.IsPublic == first.IsPublic ? "" : Access(a)) + AccessorWord(a));
        string index = string.Join(", ", property.GetIndexParameters().Select(Parameter));
        string required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        return $"{Modifiers(first)}{required}{Ref(property.PropertyType, property)}"
            + $"{TypeNames.Of(property.PropertyType, Nullability.Create(property))} "
            + $"{(index == "" ? property.Name : $"this[{index}]")} {{ {string.Join(" ", accessors)} }}";
    }

    private static string AccessorWord(MethodInfo accessor) =>
        accessor.ReturnType != typeof(void) ? "get;"
            : accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init;" : "set;";

    private static string MethodLine(MethodInfo method) =>
        $"{Modifiers(method)}{ReturnOf(method)} {method.Name}"
        + $"{TypeNames.Arguments(method.GetGenericArguments())}({Parameters(method)})";

    private static string ReturnOf(MethodInfo method) =>
        Ref(method.ReturnType, method.ReturnParameter)
        + TypeNames.Of(method.ReturnType, Nullability.Create(method.ReturnParameter));

    private static string Ref(Type type, ICustomAttributeProvider of) =>
        !type.IsByRef ? "" : of.IsDefined(typeof(IsReadOnlyAttribute), false) ? "ref readonly " : "ref ";

    private static string Parameters(MethodBase method)
    {
        string extended = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "";
        return extended + string.Join(", ", method.GetParameters().Select(Parameter));
    }

    private static string Parameter(ParameterInfo parameter)
    {
        string way = parameter.IsOut ? "out "
            : parameter.IsDefined(typeof(RequiresLocationAttribute)) ? "ref readonly "
            : parameter.ParameterType.IsByRef ? parameter.IsIn ? "in " : "ref "
            : parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params "
            : parameter.IsDefined(typeof(ParamCollectionAttribute)) ? "params "
            : "";
        string type = TypeNames.Of(parameter.ParameterType, Nullability.Create(parameter));
        string value = parameter.HasDefaultValue ? $" = {TypeNames.Value(parameter.RawDefaultValue)}" : "";
        return $"{way}{type} {parameter.Name}{value}";
    }
}
